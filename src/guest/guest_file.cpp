#include "guest/guest_file.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <sys/stat.h>

#include "guest/clauses.hpp"

namespace belay::inline BELAY_BUILD::guest {
namespace {

constexpr char note_name[] = "Belay";

// What a guest may take from the C library: no state, no memory, no clock, no input or output. The
// last lines are what compilers call on their own.
constexpr const char* harmless[] = {"memcpy",
                                    "memmove",
                                    "memset",
                                    "memcmp",
                                    "memchr",
                                    "strlen",
                                    "strnlen",
                                    "strcmp",
                                    "strncmp",
                                    "strcpy",
                                    "strncpy",
                                    "strcat",
                                    "strncat",
                                    "strchr",
                                    "strrchr",
                                    "strstr",
                                    "strspn",
                                    "strcspn",
                                    "strpbrk",
                                    "strcasecmp",
                                    "strncasecmp",
                                    "atoi",
                                    "atol",
                                    "strtol",
                                    "strtoul",
                                    "strtoll",
                                    "strtoull",
                                    "toupper",
                                    "tolower",
                                    "isdigit",
                                    "isxdigit",
                                    "isalpha",
                                    "isalnum",
                                    "isspace",
                                    "isupper",
                                    "islower",
                                    "isprint",
                                    "abs",
                                    "labs",
                                    "llabs",
                                    "qsort",
                                    "bsearch",
                                    "snprintf",
                                    "vsnprintf",
                                    "sprintf",
                                    "vsprintf",
                                    "__ctype_b_loc",
                                    "__ctype_tolower_loc",
                                    "__ctype_toupper_loc",
                                    "__isoc23_strtol",
                                    "__isoc23_strtoul",
                                    "__cxa_finalize",
                                    "__cxa_atexit",
                                    "__cxa_pure_virtual",
                                    "__stack_chk_fail",
                                    "__gxx_personality_v0",
                                    "_Unwind_Resume",
                                    "__dso_handle"};

class elf_file {
 public:
  explicit elf_file(const std::string& path) {
    elf_version(EV_CURRENT);
    file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file_ >= 0) elf_ = elf_begin(file_, ELF_C_READ_MMAP, nullptr);
  }
  ~elf_file() {
    if (elf_ != nullptr) elf_end(elf_);
    if (file_ >= 0) close(file_);
  }
  elf_file(const elf_file&) = delete;
  elf_file& operator=(const elf_file&) = delete;

  Elf* get() const { return elf_; }
  bool is_elf() const { return elf_ != nullptr && elf_kind(elf_) == ELF_K_ELF; }

  std::vector<GElf_Phdr> segments() const {
    std::vector<GElf_Phdr> all;
    std::size_t count = 0;
    if (elf_getphdrnum(elf_, &count) != 0) return all;
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Phdr one;
      if (gelf_getphdr(elf_, static_cast<int>(i), &one) != nullptr) all.push_back(one);
    }
    return all;
  }

  // Calls `take(name, symbol)` for each dynamic symbol.
  template <class F>
  void symbols(F take) const {
    Elf_Scn* section = nullptr;
    while ((section = elf_nextscn(elf_, section)) != nullptr) {
      GElf_Shdr header;
      if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_DYNSYM) continue;
      Elf_Data* data = elf_getdata(section, nullptr);
      if (data == nullptr || header.sh_entsize == 0) continue;
      const int count = static_cast<int>(header.sh_size / header.sh_entsize);
      for (int i = 1; i < count; ++i) {
        GElf_Sym symbol;
        if (gelf_getsym(data, i, &symbol) == nullptr) continue;
        const char* name = elf_strptr(elf_, header.sh_link, symbol.st_name);
        if (name != nullptr && *name != 0) take(name, symbol);
      }
    }
  }

  // The descriptor of the note `name` of that type; empty: none.
  std::string note(std::string_view name, std::uint32_t type) const {
    for (const GElf_Phdr& segment : segments()) {
      if (segment.p_type != PT_NOTE) continue;
      Elf_Data* data =
          elf_getdata_rawchunk(elf_, static_cast<std::int64_t>(segment.p_offset), segment.p_filesz,
                               segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
      if (data == nullptr) continue;
      GElf_Nhdr header;
      std::size_t name_at = 0;
      std::size_t at = 0;
      std::size_t descriptor_at = 0;
      while ((at = gelf_getnote(data, at, &header, &name_at, &descriptor_at)) > 0) {
        const char* bytes = static_cast<const char*>(data->d_buf);
        if (header.n_type == type && header.n_namesz == name.size() + 1 &&
            std::memcmp(bytes + name_at, name.data(), name.size()) == 0) {
          return {bytes + descriptor_at, header.n_descsz};
        }
      }
    }
    return {};
  }

 private:
  int file_ = -1;
  Elf* elf_ = nullptr;
};

constexpr std::string_view seal_key = "seal=";
constexpr std::size_t seal_digits = 16;

// The whole file, and where the digits of its seal are (npos: nowhere).
struct file_bytes {
  std::string content;
  std::size_t digits_at = std::string::npos;

  explicit file_bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream all;
    all << in.rdbuf();
    content = all.str();
    const std::size_t note = content.find(fmt::format("abi={};compiler=", guest_abi));
    const std::size_t key = note == std::string::npos ? note : content.find(seal_key, note);
    if (key != std::string::npos && key + seal_key.size() + seal_digits <= content.size()) {
      digits_at = key + seal_key.size();
    }
  }
  std::string digits() const { return content.substr(digits_at, seal_digits); }
  // Of everything but the digits themselves.
  std::string computed() const {
    std::uint64_t hash = 14695981039346656037u;
    for (std::size_t i = 0; i < content.size(); ++i) {
      const bool own = i - digits_at < seal_digits;
      hash = (hash ^ (own ? '0' : static_cast<unsigned char>(content[i]))) * 1099511628211u;
    }
    return fmt::format("{:016x}", hash);
  }
};

std::string field(const std::string& note, std::string_view key) {
  const std::size_t at = note.find(std::string(key) + "=");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + key.size() + 1;
  return note.substr(begin, note.find(';', begin) - begin);
}

tl::unexpected<refusal> refuse(const std::string& path, const std::string& message) {
  return tl::unexpected(refusal{2, path + ": " + message});
}

tl::expected<void, refusal> check_readable(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return refuse(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return refuse(path, "is no file; give a driver.c or a driver.so");
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return refuse(path, std::strerror(errno));
  char begin[4] = {};
  const auto got = read(file, begin, sizeof begin);
  close(file);
  if (got == 0) return refuse(path, "is empty; build it again with `belay cc`");
  if (got >= 2 && begin[0] == 'M' && begin[1] == 'Z') {
    return refuse(path,
                  "is a Windows binary; Belay runs a driver's source: build that with `belay cc`");
  }
  if (got < 4 || std::memcmp(begin, "\177ELF", 4) != 0) {
    return refuse(path, "is no ELF file; give a driver.c, or a driver.so built by `belay cc`");
  }
  return {};
}

tl::expected<void, refusal> check_whole(const std::string& path, const elf_file& elf) {
  GElf_Ehdr header;
  struct stat status;
  constexpr const char* truncated = "is truncated or damaged; build it again with `belay cc`";
  if (!elf.is_elf() || gelf_getehdr(elf.get(), &header) == nullptr ||
      stat(path.c_str(), &status) != 0) {
    return refuse(path, truncated);
  }
  if (header.e_machine != EM_X86_64)
    return refuse(path, "is not for x86-64; build it with `belay cc`");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const auto sections_end = header.e_shoff + std::uint64_t{header.e_shnum} * header.e_shentsize;
  std::size_t count = 0;
  if (elf_getphdrnum(elf.get(), &count) != 0 || sections_end > size) return refuse(path, truncated);
  const auto segments = elf.segments();
  bool loads = false;
  bool dynamic = false;
  for (const GElf_Phdr& one : segments) {
    if (one.p_filesz > size || one.p_offset > size - one.p_filesz) return refuse(path, truncated);
    loads |= one.p_type == PT_LOAD;
    dynamic |= one.p_type == PT_DYNAMIC;
  }
  if (segments.size() != count) return refuse(path, truncated);
  if (header.e_type != ET_DYN || !loads || !dynamic) {
    return refuse(path, "is no shared library; build it with `belay cc -o driver.so`");
  }
  return {};
}

tl::expected<void, refusal> check_note(const std::string& note, guest_file& guest) {
  if (note.empty()) {
    return refuse(guest.path,
                  "was not built by `belay cc`, so Belay cannot follow it; build it with that");
  }
  guest.abi = std::atoi(field(note, "abi").c_str());
  guest.compiler = field(note, "compiler");
  guest.belay_version = field(note, "belay");
  if (guest.abi != guest_abi) {
    return refuse(
        guest.path,
        fmt::format("was built by `belay cc` of Belay {} (guest ABI {}), this one has guest ABI "
                    "{}; build it again with `belay cc`",
                    guest.belay_version.empty() ? "?" : guest.belay_version, guest.abi, guest_abi));
  }
  return {};
}

// "IoA, which Belay does not have (…)" for the first, and how many more.
std::string explain_missing(const std::vector<std::string>& missing,
                            const std::vector<std::string>& have) {
  const std::string& name = missing.front();
  std::string text = fmt::format("needs {}, ", name);
  if (dlsym(RTLD_DEFAULT, name.c_str()) != nullptr) {
    text += "a function of the C library that no driver can call";
    if (name.find("printf") != std::string::npos || name.find("puts") != std::string::npos) {
      text += "; print with DbgPrint";
    } else if (name.find("alloc") != std::string::npos || name == "free") {
      text += "; allocate with ExAllocatePool2 and its kin";
    } else {
      text += "; use what Windows offers to drivers";
    }
  } else {
    text += "which Belay does not have (planned";
    if (const auto clauses = load_clauses()) {
      const auto at = std::find_if(clauses->begin(), clauses->end(),
                                   [&](const clause& c) { return mentions(c, name); });
      if (at != clauses->end()) text += fmt::format(", see `belay explain {}`", at->id);
    }
    text += ")";
    if (const std::string near = nearest(name, have); !near.empty()) {
      text += fmt::format("; the nearest it has is {}", near);
    }
  }
  if (missing.size() > 1) {
    const std::vector<std::string> rest(
        missing.begin() + 1, missing.begin() + std::min<std::ptrdiff_t>(6, std::ssize(missing)));
    text +=
        fmt::format("; also missing: {}{}", fmt::join(rest, ", "), missing.size() > 6 ? ", …" : "");
  }
  return text;
}

}  // namespace

std::string guest_note(std::string_view compiler, std::string_view belay_version) {
  return fmt::format("abi={};compiler={};belay={};{}{};", guest_abi, compiler, belay_version,
                     seal_key, std::string(seal_digits, '0'));
}

bool seal(const std::string& path) {
  const file_bytes file(path);
  if (file.digits_at == std::string::npos) return false;
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(file.digits_at));
  out << file.computed();
  out.close();
  return !out.fail();
}

std::vector<std::string> exported_names(const std::string& path) {
  std::vector<std::string> names;
  const elf_file elf(path);
  if (!elf.is_elf()) return names;
  elf.symbols([&](const char* name, const GElf_Sym& symbol) {
    if (symbol.st_shndx != SHN_UNDEF) names.emplace_back(name);
  });
  std::sort(names.begin(), names.end());
  return names;
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  std::vector<std::size_t> row;
  for (const std::string& candidate : candidates) {
    row.assign(candidate.size() + 1, 0);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= name.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j < row.size(); ++j) {
        const bool same = (name[i - 1] | 32) == (candidate[j - 1] | 32);
        const std::size_t change = diagonal + (same ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
      }
    }
    if (row.back() < least) {
      least = row.back();
      best = candidate;
    }
  }
  return best;
}

namespace {

// Whether a guest of that kind begins at the function `name`.
bool begins_at(std::string_view name, std::string_view driver_entry, guest_kind kind) {
  if (kind == guest_kind::driver) return name == driver_entry;
  return name == "main" || name == "wmain" || name.starts_with("_Z5wmain");
}

}  // namespace

tl::expected<guest_file, refusal> inspect(const std::string& path, guest_kind kind) {
  if (auto fine = check_readable(path); !fine) return tl::unexpected(fine.error());
  const elf_file elf(path);
  if (auto fine = check_whole(path, elf); !fine) return tl::unexpected(fine.error());

  guest_file guest;
  guest.path = path;
  if (auto fine = check_note(elf.note(note_name, 1), guest); !fine)
    return tl::unexpected(fine.error());
  for (const unsigned char byte : elf.note("GNU", NT_GNU_BUILD_ID)) {
    guest.build_id += fmt::format("{:02x}", byte);
  }
  const file_bytes bytes(path);
  if (bytes.digits_at == std::string::npos || bytes.digits() != bytes.computed()) {
    return refuse(path, "was changed or damaged after `belay cc` made it; build it again");
  }
  bool entry = false;
  bool instrumented = false;
  elf.symbols([&](const char* name, const GElf_Sym& symbol) {
    if (symbol.st_shndx != SHN_UNDEF) {
      entry |= begins_at(name, guest.entry, kind) && GELF_ST_TYPE(symbol.st_info) == STT_FUNC;
    } else {
      instrumented |= std::strncmp(name, "__tsan_", 7) == 0;
      if (GELF_ST_BIND(symbol.st_info) != STB_WEAK) guest.imports.emplace_back(name);
    }
  });
  std::sort(guest.imports.begin(), guest.imports.end());
  if (!entry) {
    return refuse(path, kind == guest_kind::client
                            ? "exports no main and no wmain, so it is no program; build it with "
                              "`belay cc --client`"
                            : "exports no DriverEntry, so it is no driver; in C++ it must be "
                              "extern \"C\"");
  }
  if (!instrumented) {
    return refuse(path,
                  "is not instrumented, so its memory accesses cannot be followed; build it with "
                  "`belay cc` and without -fno-sanitize");
  }
  if (guest.build_id.empty())
    return refuse(path, "has no build id; build it again with `belay cc`");

  const auto have = exported_names("/proc/self/exe");
  std::vector<std::string> missing;
  for (const std::string& name : guest.imports) {
    const bool fine =
        std::binary_search(have.begin(), have.end(), name) ||
        std::find(std::begin(harmless), std::end(harmless), name) != std::end(harmless);
    if (!fine) missing.push_back(name);
  }
  if (!missing.empty()) return refuse(path, explain_missing(missing, have));
  return guest;
}

}  // namespace belay::inline BELAY_BUILD::guest
