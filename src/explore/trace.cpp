#include "explore/trace.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace belay::inline BELAY_BUILD::explore {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* format_name = "belay-trace";
constexpr int format_version = 3;
constexpr const char* kind_names[] = {"step", "call", "irp_state", "clock"};
constexpr const char* operation_names[] = {"read", "write", "control"};
constexpr const char* cancel_names[] = {"any", "never"};
constexpr const char* registry_names[] = {"make_key", "delete_key", "set_value", "delete_value"};

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

std::string hex(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

json write(const source_location& where) {
  return {{"file", where.file},
          {"line", where.line},
          {"column", where.column},
          {"function", where.function}};
}

json write(const scenario& what) {
  json plan = json::array();
  for (const request_plan& r : what.plan) {
    plan.push_back({{"op", operation_names[static_cast<int>(r.op)]},
                    {"code", hex(r.code)},
                    {"length", r.length},
                    {"input", hex(r.input)},
                    {"cancel", cancel_names[static_cast<int>(r.cancel)]},
                    {"client", r.client}});
  }
  json registry = json::array();
  for (const guest::registry_change& r : what.registry) {
    registry.push_back({{"action", registry_names[static_cast<int>(r.action)]},
                        {"key", guest::utf8_of(r.key)},
                        {"name", guest::utf8_of(r.name)},
                        {"type", r.type},
                        {"data", hex(r.data)}});
  }
  return {{"client", what.client},   {"client_arguments", what.client_arguments},
          {"device", what.device},   {"client_devices", what.client_devices},
          {"clients", what.clients}, {"requests", what.requests},
          {"cpus", what.cpus},       {"shared_handle", what.shared_handle},
          {"registry", registry},    {"plan", plan}};
}

json write(const callback& c) {
  return {{"name", c.name()},
          {"kind", callback_kind_names[static_cast<int>(c.kind)]},
          {"major", c.major},
          {"device", c.device},
          {"control_code", hex(c.control_code)},
          {"lower_driver", name_of(c.lower)},
          {"started", c.started},
          {"opened", c.opened},
          {"routine", c.routine},
          {"where", write(c.where)}};
}

json write(const event& e) {
  return {{"step", e.step},
          {"actor", e.actor},
          {"kind", kind_names[static_cast<int>(e.kind)]},
          {"what", e.what},
          {"object", hex(e.object)},
          {"object_name", e.object_name},
          {"where", write(e.where)},
          {"irql", e.irql},
          {"time", e.time},
          {"preempted", e.preempted}};
}

json write(const finding& f) {
  return {{"clause", f.clause},
          {"rule", f.rule},
          {"bug_check", hex(f.bug_check)},
          {"parameters",
           {hex(f.parameter[0]), hex(f.parameter[1]), hex(f.parameter[2]), hex(f.parameter[3])}},
          {"object", hex(f.object)},
          {"text", f.text},
          {"actor", f.actor},
          {"call", f.call},
          {"step", f.step}};
}

// Where the text stops being JSON.
struct acceptor {
  using json = nlohmann::json;
  std::size_t stopped_at = 0;
  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(json::number_integer_t) { return true; }
  bool number_unsigned(json::number_unsigned_t) { return true; }
  bool number_float(json::number_float_t, const std::string&) { return true; }
  bool string(std::string&) { return true; }
  bool binary(json::binary_t&) { return true; }
  bool start_object(std::size_t) { return true; }
  bool key(std::string&) { return true; }
  bool end_object() { return true; }
  bool start_array(std::size_t) { return true; }
  bool end_array() { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    stopped_at = position;
    return false;
  }
};

std::string not_json(const std::string& text) {
  acceptor a;
  json::sax_parse(text, &a);
  const std::size_t end = std::min(a.stopped_at == 0 ? 0 : a.stopped_at - 1, text.size());
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
  const bool cut = text.find_first_not_of(" \t\r\n", end) == std::string::npos;
  return fmt::format("line {}: {}", line,
                     cut ? "the file ends in the middle: it is not whole" : "this is not JSON");
}

// Reads members of one object; the first thing that does not fit is remembered, the rest is
// skipped.
class reader {
 public:
  reader(const json& from, std::string path, std::string& error)
      : from_(from), path_(std::move(path)), error_(error) {
    if (!from.is_object()) fail("", "an object");
  }

  void operator()(const char* key, std::string& to) {
    if (const json* at = find(key, "a string", &json::is_string)) to = at->get<std::string>();
  }
  void operator()(const char* key, bool& to) {
    if (const json* at = find(key, "true or false", &json::is_boolean)) to = at->get<bool>();
  }
  void operator()(const char* key, double& to) {
    if (const json* at = find(key, "a number", &json::is_number)) to = at->get<double>();
  }
  template <class T>
  requires std::is_integral_v<T>
  void operator()(const char* key, T& to) {
    if (const json* at = find(key, "a whole number", &json::is_number_integer)) {
      const auto value = at->get<std::int64_t>();
      to = static_cast<T>(value);
      if (static_cast<std::int64_t>(to) != value && sizeof(T) < 8) fail(key, "a smaller number");
    }
  }
  template <class T, std::size_t N>
  void choice(const char* key, T& to, const char* const (&names)[N]) {
    std::string text;
    (*this)(key, text);
    for (std::size_t i = 0; i < N; ++i) {
      if (text == names[i]) {
        to = static_cast<T>(i);
        return;
      }
    }
    fail(key, fmt::format("one of {}", fmt::join(names, ", ")));
  }
  template <class T>
  void address(const char* key, T& to) {
    std::string text;
    (*this)(key, text);
    to = static_cast<T>(number(key, text));
  }
  std::uint64_t number(const char* key, const std::string& text) {
    char* end = nullptr;
    const std::uint64_t value = std::strtoull(text.c_str(), &end, 16);
    if (text.size() < 3 || text.compare(0, 2, "0x") != 0 || *end != 0)
      fail(key, "a hexadecimal number");
    return value;
  }
  void wide(const char* key, std::u16string& to) {
    std::string text;
    (*this)(key, text);
    to = guest::utf16_of(text).value_or(u"");  // JSON is UTF-8
  }
  void bytes(const char* key, std::vector<std::uint8_t>& to) {
    std::string text;
    (*this)(key, text);
    if (text.size() % 2 != 0 ||
        text.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
      return fail(key, "pairs of hexadecimal digits");
    }
    for (std::size_t i = 0; i < text.size(); i += 2) {
      to.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
    }
  }
  template <class F>
  void object(const char* key, F&& read) {
    if (const json* at = find(key, "an object", &json::is_object)) {
      reader inner(*at, path_ + key + ".", error_);
      read(inner);
    }
  }
  bool null(const char* key) const {
    return from_.is_object() && from_.contains(key) && from_[key].is_null();
  }
  template <class F>
  void list(const char* key, F&& read) {
    const json* at = find(key, "a list", &json::is_array);
    for (std::size_t i = 0; at != nullptr && i < at->size(); ++i) {
      reader inner((*at)[i], fmt::format("{}{}[{}].", path_, key, i), error_);
      read(inner);
    }
  }
  void texts(const char* key, std::vector<std::string>& to) {
    const json* at = find(key, "a list", &json::is_array);
    for (std::size_t i = 0; at != nullptr && i < at->size(); ++i) {
      if (!(*at)[i].is_string())
        fail(key, "a list of strings");
      else
        to.push_back((*at)[i].get<std::string>());
    }
  }
  std::vector<std::uint64_t> addresses(const char* key) {
    std::vector<std::uint64_t> result;
    const json* at = find(key, "a list", &json::is_array);
    for (std::size_t i = 0; at != nullptr && i < at->size(); ++i) {
      if (!(*at)[i].is_string())
        fail(key, "a list of hexadecimal numbers");
      else
        result.push_back(number(key, (*at)[i].get<std::string>()));
    }
    return result;
  }
  void fail(const std::string& key, const std::string& expected) {
    if (error_.empty()) error_ = fmt::format("\"{}{}\" should be {}", path_, key, expected);
  }

 private:
  const json* find(const char* key, const char* expected, bool (json::*fits)() const noexcept) {
    if (!error_.empty() || !from_.is_object()) return nullptr;
    const auto at = from_.find(key);
    if (at == from_.end()) {
      error_ = fmt::format("\"{}{}\" is missing", path_, key);
      return nullptr;
    }
    if (!((*at).*fits)()) {
      fail(key, expected);
      return nullptr;
    }
    return &*at;
  }

  const json& from_;
  std::string path_;
  std::string& error_;
};

void read(reader& from, source_location& to) {
  from("file", to.file);
  from("line", to.line);
  from("column", to.column);
  from("function", to.function);
}

void read(reader& from, scenario& to) {
  from("client", to.client);
  from("client_arguments", to.client_arguments);
  from("device", to.device);
  from.texts("client_devices", to.client_devices);
  from("clients", to.clients);
  from("requests", to.requests);
  from("cpus", to.cpus);
  from("shared_handle", to.shared_handle);
  from.list("registry", [&](reader& r) {
    guest::registry_change one;
    r.choice("action", one.action, registry_names);
    r.wide("key", one.key);
    r.wide("name", one.name);
    r("type", one.type);
    r.bytes("data", one.data);
    to.registry.push_back(std::move(one));
  });
  from.list("plan", [&](reader& r) {
    request_plan one;
    r.choice("op", one.op, operation_names);
    r.address("code", one.code);
    r("length", one.length);
    r.bytes("input", one.input);
    r.choice("cancel", one.cancel, cancel_names);
    r("client", one.client);
    to.plan.push_back(std::move(one));
  });
}

void read(reader& from, callback& to) {
  from.choice("kind", to.kind, callback_kind_names);
  from("major", to.major);
  if (to.major >= callback::majors) from.fail("major", "a major function, 0 to 27");
  from("device", to.device);
  if (to.device < 0 || to.device >= callback::devices) from.fail("device", "0 to 3");
  from.address("control_code", to.control_code);
  from.choice("lower_driver", to.lower, lower_answer_names);
  from("started", to.started);
  from("opened", to.opened);
  from("routine", to.routine);
  from.object("where", [&](reader& r) { read(r, to.where); });
}

void read(reader& from, event& to) {
  from("step", to.step);
  from("actor", to.actor);
  from.choice("kind", to.kind, kind_names);
  from("what", to.what);
  from.address("object", to.object);
  from("object_name", to.object_name);
  from.object("where", [&](reader& r) { read(r, to.where); });
  from("irql", to.irql);
  from("time", to.time);
  from("preempted", to.preempted);
}

void read(reader& from, finding& to) {
  from("clause", to.clause);
  from("rule", to.rule);
  from.address("bug_check", to.bug_check);
  const auto parameters = from.addresses("parameters");
  if (parameters.size() != 4)
    from.fail("parameters", "a list of four hexadecimal numbers");
  else
    std::copy(parameters.begin(), parameters.end(), to.parameter);
  from.address("object", to.object);
  from("text", to.text);
  from("actor", to.actor);
  from("call", to.call);
  from("step", to.step);
}

void read(reader& from, trace& to) {
  from("belay_version", to.belay_version);
  from("driver", to.driver);
  from("build_id", to.build_id);
  from.list("with_drivers", [&](reader& r) {
    trace::other_driver one;
    r("driver", one.driver);
    r("build_id", one.build_id);
    to.with_drivers.push_back(std::move(one));
  });
  from("compiler", to.compiler);
  from.object("scenario", [&](reader& r) { read(r, to.what); });
  if (!from.null("callback")) {
    to.of.emplace();
    from.object("callback", [&](reader& r) { read(r, *to.of); });
  }
  from("strategy", to.strategy);
  from("seed", to.seed);
  from("found_at", to.found_at);
  from("found_after", to.found_after);
  from("preemptions", to.preemptions);
  from("minimal", to.minimal);
  from.list("directives", [&](reader& r) {
    directive one{};
    r("actor", one.actor);
    r("step", one.step);
    r("to", one.to);
    to.directives.push_back(one);
  });
  to.identities = from.addresses("identities");
  to.shared = from.addresses("shared");
  from.address("digest", to.digest);
  from.list("actors", [&](reader& r) {
    actor_info one;
    r("id", one.id);
    r("name", one.name);
    to.actors.push_back(std::move(one));
  });
  from.object("found", [&](reader& r) { read(r, to.found); });
  from("object_name", to.object_name);
  from("in_driver", to.in_driver);
  from.list("stack", [&](reader& r) {
    stack_frame one;
    r.object("where", [&](reader& inner) { read(inner, one.where); });
    r.address("offset", one.offset);
    to.stack.push_back(std::move(one));
  });
  from.list("events", [&](reader& r) {
    event one;
    read(r, one);
    to.events.push_back(std::move(one));
  });
}

}  // namespace

std::string to_json(const trace& what) {
  json directives = json::array();
  for (const directive& d : what.directives) {
    directives.push_back({{"actor", d.actor}, {"step", d.step}, {"to", d.to}});
  }
  json with_drivers = json::array();
  for (const trace::other_driver& d : what.with_drivers) {
    with_drivers.push_back({{"driver", d.driver}, {"build_id", d.build_id}});
  }
  json identities = json::array();
  for (const std::uint64_t each : what.identities) identities.push_back(hex(each));
  json shared = json::array();
  for (const std::uint64_t each : what.shared) shared.push_back(hex(each));
  json actors = json::array();
  for (const actor_info& a : what.actors) actors.push_back({{"id", a.id}, {"name", a.name}});
  json stack = json::array();
  for (const stack_frame& f : what.stack) {
    stack.push_back({{"where", write(f.where)}, {"offset", hex(f.offset)}});
  }
  json events = json::array();
  for (const event& e : what.events) events.push_back(write(e));
  const json whole = {{"format", format_name},
                      {"version", format_version},
                      {"belay_version", what.belay_version},
                      {"driver", what.driver},
                      {"build_id", what.build_id},
                      {"with_drivers", with_drivers},
                      {"compiler", what.compiler},
                      {"scenario", write(what.what)},
                      {"callback", what.of ? write(*what.of) : json()},
                      {"strategy", what.strategy},
                      {"seed", what.seed},
                      {"found_at", what.found_at},
                      {"found_after", what.found_after},
                      {"preemptions", what.preemptions},
                      {"minimal", what.minimal},
                      {"directives", directives},
                      {"identities", identities},
                      {"shared", shared},
                      {"digest", hex(what.digest)},
                      {"actors", actors},
                      {"found", write(what.found)},
                      {"object_name", what.object_name},
                      {"in_driver", what.in_driver},
                      {"stack", stack},
                      {"events", events}};
  return whole.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

tl::expected<trace, std::string> trace_from_json(const std::string& text) {
  const json whole = json::parse(text, nullptr, false);
  if (whole.is_discarded()) return tl::unexpected(not_json(text));
  if (!whole.is_object() || !whole.contains("format") || whole["format"] != format_name) {
    return tl::unexpected(
        std::string("this is JSON, but no trace of belay (give the file that "
                    "`belay check --trace FILE` wrote)"));
  }
  std::string error;
  trace result;
  reader from(whole, "", error);
  int version = 0;
  from("version", version);
  if (error.empty() && version != format_version) {
    return tl::unexpected(
        fmt::format("the trace has format {}, this belay reads {}; run `belay check` "
                    "again",
                    version, format_version));
  }
  read(from, result);
  if (!error.empty()) return tl::unexpected(error);
  return result;
}

}  // namespace belay::inline BELAY_BUILD::explore
