#include "explore/report_html.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "explore/diagram.hpp"
#include "explore/report_html_style.hpp"
#include "explore/source_text.hpp"
#include "guest/bug_checks.hpp"

namespace belay::inline BELAY_BUILD::explore {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

std::string cut(const std::string& text, std::size_t most) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) != 0x80 && ++count > most) return text.substr(0, i) + "…";
  }
  return text;
}

// The lines around a location, the one itself marked.
std::string snippet(source_text& sources, const source_location& where, int around) {
  std::string out;
  const int last = std::min(where.line + around, sources.lines(where.file));
  for (int n = std::max(1, where.line - around); n <= last; ++n) {
    out += fmt::format("<span{}><b>{}</b>{}</span>", n == where.line ? " class=\"hit\"" : "", n,
                       escaped(sources.line(where.file, n)));
  }
  if (out.empty())
    return fmt::format("<p class=\"place\">{} is not here to be shown</p>", escaped(where.file));
  return "<pre class=\"code\">" + out + "</pre>";
}

// Measures of the drawing, in pixels.
struct layout {
  static constexpr int row = 25, top = 34, step_width = 46, packet_width = 22;
  int packets_at = step_width, actors_at = 0, actor_width = 0, label_at = 0, line_at = 0,
      code_at = 0, width = 0;
  int height = 0;

  layout(const diagram& drawn, std::size_t label_chars) {
    const int columns = static_cast<int>(drawn.columns.size());
    actors_at = packets_at + static_cast<int>(drawn.packets.size()) * packet_width + 14;
    std::size_t longest = 6;
    for (const actor_info& c : drawn.columns) longest = std::max(longest, c.name.size());
    actor_width = std::clamp(static_cast<int>(longest) * 7 + 14, 70, columns > 6 ? 92 : 130);
    label_at = actors_at + columns * actor_width + 10;
    line_at = label_at + std::min(static_cast<int>(label_chars) * 15 / 2 + 34, 380);
    code_at = line_at + 14;
    width = code_at + 420;
    height = top + static_cast<int>(drawn.rows.size()) * row + 12;
  }
  int y(std::size_t r) const { return top + static_cast<int>(r) * row + row / 2; }
  int x(int column) const { return actors_at + column * actor_width + actor_width / 2; }
};

class drawing {
 public:
  drawing(const trace& example, const diagram& drawn, source_text& sources)
      : trace_(example), drawn_(drawn), sources_(sources), at_(drawn, widest(drawn)) {}

  std::string svg() {
    out_ = fmt::format(
        "<svg width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"space-time diagram\">\n",
        at_.width, at_.height);
    headings();
    for (std::size_t r = 0; r < drawn_.rows.size(); ++r) band(r);
    packets();
    lanes();
    flow();
    for (std::size_t r = 0; r < drawn_.rows.size(); ++r) marks(r);
    return out_ + "</svg>";
  }

 private:
  static std::size_t widest(const diagram& drawn) {
    std::size_t most = 10;
    for (const diagram_row& r : drawn.rows) most = std::max(most, r.label.size());
    return most;
  }

  void headings() {
    for (std::size_t i = 0; i < drawn_.packets.size(); ++i) {
      out_ += fmt::format(
          "<text class=\"soft\" x=\"{}\" y=\"20\" text-anchor=\"middle\" "
          "style=\"font-size:11px\">{}</text>",
          at_.packets_at + static_cast<int>(i) * layout::packet_width + 8,
          escaped("#" + drawn_.packets[i].substr(drawn_.packets[i].find(' ') + 1)));
    }
    for (std::size_t c = 0; c < drawn_.columns.size(); ++c) {
      out_ += fmt::format("<text class=\"name\" x=\"{}\" y=\"20\" text-anchor=\"middle\">{}</text>",
                          at_.x(static_cast<int>(c)), escaped(cut(drawn_.columns[c].name, 17)));
    }
    out_ += "<text class=\"soft\" x=\"0\" y=\"20\">step</text>\n";
  }

  void packets() {
    for (const packet_span& s : drawn_.states) {
      const auto lane = std::find(drawn_.packets.begin(), drawn_.packets.end(), s.packet) -
                        drawn_.packets.begin();
      const int x = at_.packets_at + static_cast<int>(lane) * layout::packet_width;
      const bool freed = s.state == "freed";
      const int begin = at_.y(s.from);
      const int end = freed                            ? begin + 5
                      : s.to + 1 == drawn_.rows.size() ? at_.y(s.to) + layout::row / 2
                                                       : at_.y(s.to);
      out_ += fmt::format(
          "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"16\" height=\"{}\" rx=\"3\"><title>{}: "
          "{}</title>"
          "</rect>\n",
          escaped(s.state), x, begin, std::max(end - begin - 1, 4), escaped(s.packet),
          escaped(s.state));
    }
  }

  void lanes() {
    for (std::size_t c = 0; c < drawn_.columns.size(); ++c) {
      const int x = at_.x(static_cast<int>(c));
      out_ += fmt::format("<line class=\"lane\" x1=\"{0}\" x2=\"{0}\" y1=\"{1}\" y2=\"{2}\"/>\n", x,
                          at_.y(drawn_.begins[c]), at_.y(drawn_.ends[c]));
    }
    std::map<int, int> beside;
    for (const held_lock& l : drawn_.locks) {
      const int shift = 7 + 8 * (beside[l.column]++ % 2);
      out_ += fmt::format(
          "<rect class=\"lock\" x=\"{}\" y=\"{}\" width=\"6\" height=\"{}\" rx=\"3\"><title>holds "
          "{}</title>"
          "</rect>\n",
          at_.x(l.column) + shift, at_.y(l.from), std::max(at_.y(l.to) - at_.y(l.from), 6),
          escaped(l.name));
    }
  }

  // The way of the processor from actor to actor.
  void flow() {
    int before = -1;
    std::size_t before_row = 0;
    for (std::size_t r = 0; r < drawn_.rows.size(); ++r) {
      const int column = drawn_.rows[r].column;
      if (column < 0) continue;
      if (before >= 0 && before != column) {
        const int x1 = at_.x(before), y1 = at_.y(before_row), x2 = at_.x(column), y2 = at_.y(r);
        const int middle = y2 - layout::row / 2;
        out_ += fmt::format("<path class=\"flow{}\" d=\"M{} {} C{} {} {} {} {} {}\"/>\n",
                            drawn_.rows[r].preempts ? " jump" : "", x1, y1, x1, middle, x2, middle,
                            x2, y2);
      }
      before = column;
      before_row = r;
    }
  }

  static std::string classes(const diagram_row& it) {
    return fmt::format("{}{}", it.preempts ? " jump" : "", it.last ? " last" : "");
  }

  // What is clicked; lies beneath everything else.
  void band(std::size_t r) {
    const diagram_row& it = drawn_.rows[r];
    const event& e = trace_.events[it.event];
    std::string actor = "the clock";
    if (it.column >= 0) actor = drawn_.columns[static_cast<std::size_t>(it.column)].name;
    out_ += fmt::format("<g class=\"row{}\" data-snippet=\"{}\" data-what=\"{}\">", classes(it),
                        snippet_id(e.where),
                        escaped(fmt::format("{}: {}{}", actor, it.label,
                                            it.preempts ? " — preempts"
                                            : it.last   ? " — here the rule is broken"
                                                        : "")));
    out_ += fmt::format(
        "<rect class=\"band\" x=\"0\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"3\"/></g>\n",
        at_.y(r) - layout::row / 2, at_.width, layout::row);
  }

  void marks(std::size_t r) {
    const diagram_row& it = drawn_.rows[r];
    const event& e = trace_.events[it.event];
    const int y = at_.y(r);
    out_ += fmt::format("<g class=\"mark{}\">", classes(it));
    out_ += fmt::format("<text class=\"soft mono\" x=\"2\" y=\"{}\">{}</text>", y + 4, e.step);
    if (it.hidden >= 8) {
      out_ += fmt::format(
          "<line class=\"rest\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"><title>{} steps are left "
          "out here"
          "</title></line>",
          at_.actors_at, at_.width, y - layout::row / 2, y - layout::row / 2, it.hidden);
    }
    if (it.column >= 0) {
      const int x = at_.x(it.column);
      if (e.kind == event_kind::irp_state) {
        out_ += fmt::format(
            "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"11\" height=\"11\" rx=\"2\" "
            "transform=\"rotate(45 {} {})\"/>",
            escaped(e.what), x - 5.5, y - 5.5, x, y);
      } else {
        out_ += fmt::format("<circle class=\"dot\" cx=\"{}\" cy=\"{}\" r=\"5\"/>", x, y);
      }
      if (it.preempts) {
        out_ += fmt::format(
            "<path class=\"bolt\" transform=\"translate({} {})\" d=\"M6 0 L0 9 L4 9 L2 16 L10 6 "
            "L5.5 6 L8 0 Z\"/>",
            x - 22, y - 8);
      }
    }
    out_ += fmt::format("<text class=\"label\" x=\"{}\" y=\"{}\">{}</text>", at_.label_at, y + 4,
                        escaped(cut(it.label, 46)));
    if (e.where.line > 0) {
      out_ += fmt::format(
          "<text class=\"soft mono\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>"
          "<text class=\"mono\" x=\"{}\" y=\"{}\">{}</text>",
          at_.line_at, y + 4, e.where.line, at_.code_at, y + 4,
          escaped(cut(trimmed(sources_.line(e.where.file, e.where.line)), 54)));
    }
    out_ += "</g>\n";
  }

 public:
  std::string snippet_id(const source_location& where) {
    if (where.file.empty()) return "none";
    const auto [at, fresh] =
        ids_.try_emplace({where.file, where.line}, fmt::format("s{}", ids_.size()));
    static_cast<void>(fresh);
    return at->second;
  }
  const std::map<std::pair<std::string, int>, std::string>& snippets() const { return ids_; }

 private:
  const trace& trace_;
  const diagram& drawn_;
  source_text& sources_;
  layout at_;
  std::string out_;
  std::map<std::pair<std::string, int>, std::string> ids_;
};

std::string name_of_actor(const trace& example, int id) {
  for (const actor_info& each : example.actors) {
    if (each.id == id) return each.name;
  }
  return id < 0 ? "nobody" : fmt::format("actor {}", id);
}

std::string directives_text(const trace& example) {
  if (example.directives.empty()) return "<p>The straight order, without any preemption.</p>";
  std::string out = "<ol class=\"stack\">";
  for (const directive& d : example.directives) {
    out += d.actor < 0
               ? fmt::format("<li><b>{}</b> begins</li>", escaped(name_of_actor(example, d.to)))
               : fmt::format("<li>when <b>{}</b> is at its step {}, <b>{}</b> goes on</li>",
                             escaped(name_of_actor(example, d.actor)), d.step,
                             escaped(name_of_actor(example, d.to)));
  }
  return out + "</ol>";
}

std::string facts(const trace& example, const check_result* result, const report_context& context) {
  std::string out = "<table>";
  const auto add = [&](const char* what, const std::string& value) {
    if (!value.empty()) out += fmt::format("<tr><td>{}</td><td>{}</td></tr>", what, escaped(value));
  };
  add("driver", context.source);
  for (const trace::other_driver& each : example.with_drivers)
    add("with driver", std::filesystem::path(each.driver).stem().string());
  add("compiler", example.compiler);
  if (example.of)
    add("callback", describe(*example.of));
  else
    add("scenario", describe(example.what));
  add("device", example.what.device);
  add("found by", fmt::format("{}, execution {}, after {:.3f} s", example.strategy,
                              example.found_at, example.found_after));
  add("preemptions", fmt::format("{}{}", example.preemptions,
                                 example.minimal ? " (proved: none with fewer fails)" : ""));
  if (result != nullptr) {
    add("explored", fmt::format("{} executions in {:.2f} s", result->search.executions,
                                result->search.seconds));
  }
  add("build id", example.build_id);
  return out + "</table>";
}

std::string commands(const trace& example, const report_context& context) {
  std::string out = "<pre class=\"code\">";
  if (!context.trace_file.empty()) {
    out += fmt::format("<span>belay replay {}</span><span>belay replay --debug {}</span>",
                       escaped(context.trace_file), escaped(context.trace_file));
  }
  return out + fmt::format("<span>belay explain {}</span></pre>", escaped(example.found.clause));
}

std::string reasons(const trace& example, const report_context& context) {
  const finding& f = example.found;
  std::string out = "<div class=\"card stop\"><h2>Why it is wrong</h2>";
  if (const guest::clause* c =
          context.clauses != nullptr ? guest::find_clause(*context.clauses, f.clause) : nullptr) {
    out += fmt::format("<p>{}</p>", escaped(c->text));
    if (!c->fix.empty()) out += fmt::format("<p><b>To fix it:</b> {}</p>", escaped(c->fix));
    out += fmt::format("<p class=\"place\">{} · {}</p>", escaped(c->id), escaped(c->source));
  }
  const std::string stop = guest::bug_check_text(f.bug_check, f.parameter);
  out += fmt::format("<p><b>On Windows:</b> {}</p>",
                     stop.empty() ? "no bug check; it would go on wrongly, or hang"
                                  : "<code>" + escaped(stop) + "</code>");
  if (!f.rule.empty())
    out += fmt::format("<p class=\"place\">Windows' tools know it as {}.</p>", escaped(f.rule));
  return out + "</div>";
}

std::string scene(const trace& example, const source_location& main, source_text& sources) {
  std::string out = "<div class=\"card\"><h2>Where</h2>";
  if (main.line > 0) out += snippet(sources, main, 3);
  out += "<ol class=\"stack\" style=\"margin-top:10px\">";
  for (const stack_frame& frame : example.stack) {
    if (frame.where.file.empty()) continue;
    out += fmt::format("<li><code>{}</code> <span class=\"place\">{}</span></li>",
                       escaped(frame.where.function), escaped(file_and_line(frame.where)));
  }
  return out + "</ol></div>";
}

std::string legend(const diagram& drawn) {
  std::string out = "<div class=\"legend\">";
  if (!drawn.packets.empty()) {
    out += "<span>numbered lanes: who has each IRP</span>";
    for (const char* state :
         {"allocated", "dispatched", "queued", "armed", "cancelling", "completed", "freed"}) {
      out += fmt::format("<span><i class=\"{0}\"></i>{0}</span>", state);
    }
  }
  return out +
         "<span><i style=\"background:var(--amber)\"></i>preemption</span>"
         "<span><i style=\"background:var(--accent);opacity:.35\"></i>holds a spin lock</span>"
         "<span>dotted: steps left out</span></div>";
}

}  // namespace

std::string html_report(const trace& example, const check_result* result,
                        const report_context& context) {
  source_text sources;
  const source_location main = place_of(example);
  const trace shown = with_finding(example, main);
  const diagram drawn = draw(shown, 60);
  const guest::clause* known = context.clauses != nullptr
                                   ? guest::find_clause(*context.clauses, example.found.clause)
                                   : nullptr;
  const std::string title = example.found.clause + (known != nullptr ? ": " + known->title : "");

  drawing picture(shown, drawn, sources);
  const std::string svg = picture.svg();
  std::string snippets;
  for (const auto& [where, id] : picture.snippets()) {
    source_location at;
    at.file = where.first;
    at.line = where.second;
    snippets += fmt::format(
        "<div class=\"snippet\" id=\"{}\"><div class=\"place\" "
        "style=\"font-size:12.5px\">{}</div>{}</div>\n",
        id, escaped(short_path(at.file)), snippet(sources, at, 3));
  }

  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{} — "
      "{}</title>\n<style>{}</style>"
      "<noscript><style>#source "
      ".snippet{{display:block}}#source{{position:static}}</style></noscript></head><body><main>\n",
      escaped(example.found.clause), escaped(context.source), page_style);
  out += fmt::format(
      "<div><span class=\"badge\">violation</span><span class=\"mono\">{}</span></div>\n<h1>{}</h1>"
      "<div class=\"place\">{}{}{}</div>\n",
      escaped(title), escaped(example.found.text),
      escaped(main.line > 0 ? fmt::format("{}:{}:{}", short_path(main.file), main.line, main.column)
                            : context.source),
      example.found.actor.empty() ? "" : " · on " + escaped(example.found.actor),
      example.found.call.empty() || example.found.call.compare(0, 4, "irp:") == 0
          ? ""
          : " · last call " + escaped(example.found.call));
  if (example.of)
    out += fmt::format("<div class=\"place\">{}</div>\n", escaped(describe(*example.of)));
  out += "<div class=\"grid\">" + reasons(example, context) + scene(example, main, sources) +
         "</div>\n";
  out += "<div class=\"card\"><h2>How it comes about</h2>" + legend(drawn) +
         "<div class=\"scroll\">" + svg + "</div></div>\n";
  out += "<div class=\"grid\"><div class=\"card\"><h2>This interleaving</h2>" +
         directives_text(example) + "</div><div class=\"card\"><h2>Go on</h2>" +
         commands(example, context) + "</div></div>\n";
  out += "<div class=\"card\"><h2>Facts</h2>" + facts(example, result, context) + "</div>\n";
  out +=
      "<div id=\"source\"><div class=\"head\"><b id=\"what\"></b><span class=\"keys\"><kbd>↑</kbd> "
      "<kbd>↓</kbd> or a "
      "click: another step</span></div>" +
      snippets + "</div>\n";
  out += fmt::format("<footer>belay {}</footer></main><script>{}</script></body></html>\n",
                     escaped(example.belay_version), page_script);
  return out;
}

}  // namespace belay::inline BELAY_BUILD::explore
