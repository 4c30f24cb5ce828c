#include "guest/symbols.hpp"

#include <dwarf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <unordered_map>

#include <elfutils/libdw.h>

#include "guest/installation.hpp"

namespace belay::inline BELAY_BUILD::guest {
namespace {

struct named_range {
  std::uint64_t begin;
  std::uint64_t end;
  std::string name;
};

std::string name_of_die(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  if (Dwarf_Attribute* found = dwarf_attr_integrate(die, DW_AT_name, &attribute)) {
    if (const char* text = dwarf_formstring(found)) return text;
  }
  return {};
}

int number_of(Dwarf_Die* die, unsigned which) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  Dwarf_Attribute* found = dwarf_attr(die, which, &attribute);
  return found != nullptr && dwarf_formudata(found, &value) == 0 ? static_cast<int>(value) : 0;
}

bool holds_code(Dwarf_Die* die) {
  switch (dwarf_tag(die)) {
    case DW_TAG_subprogram:
    case DW_TAG_inlined_subroutine:
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
    case DW_TAG_namespace:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
      return true;
    default:
      return false;
  }
}

// Appends the functions, real and inlined, that contain `pc`, outermost first.
void descend(Dwarf_Die* parent, Dwarf_Addr pc, std::vector<Dwarf_Die>& chain) {
  Dwarf_Die child;
  if (dwarf_child(parent, &child) != 0) return;
  do {
    if (!holds_code(&child)) continue;
    const int tag = dwarf_tag(&child);
    const bool scope_only =
        tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type;
    const std::size_t before = chain.size();
    if (scope_only) {
      descend(&child, pc, chain);
      if (chain.size() != before) return;
      continue;
    }
    if (dwarf_haspc(&child, pc) <= 0) continue;
    if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine) chain.push_back(child);
    descend(&child, pc, chain);
    return;
  } while (dwarf_siblingof(&child, &child) == 0);
}

}  // namespace

struct symbols::state {
  int file = -1;
  Elf* elf = nullptr;
  Dwarf* dwarf = nullptr;
  std::uint64_t bias = 0;
  std::uint64_t size = 0;
  std::vector<Dwarf_Die> units;
  std::vector<named_range> names;  // sorted by begin
  std::unordered_map<std::uint64_t, std::vector<stack_frame>> known;

  ~state() {
    if (dwarf != nullptr) dwarf_end(dwarf);
    if (elf != nullptr) elf_end(elf);
    if (file >= 0) close(file);
  }

  void read_size();
  void read_names();
  void read_units();
  std::vector<stack_frame> look_up(std::uint64_t pc);
  std::string function_at(std::uint64_t offset) const;
  const std::vector<stack_frame>& remembered(std::uint64_t pc) {
    auto at = known.find(pc);
    if (at == known.end()) at = known.emplace(pc, look_up(pc)).first;
    return at->second;
  }
  bool begins_function(std::uint64_t offset) const {
    const auto at =
        std::lower_bound(names.begin(), names.end(), offset,
                         [](const named_range& n, std::uint64_t o) { return n.begin < o; });
    return at != names.end() && at->begin == offset;
  }
};

void symbols::state::read_size() {
  std::size_t count = 0;
  elf_getphdrnum(elf, &count);
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(elf, static_cast<int>(i), &header) != nullptr && header.p_type == PT_LOAD) {
      size = std::max<std::uint64_t>(size, header.p_vaddr + header.p_memsz);
    }
  }
}

void symbols::state::read_names() {
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_SYMTAB ||
        header.sh_entsize == 0) {
      continue;
    }
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr) continue;
    const int count = static_cast<int>(header.sh_size / header.sh_entsize);
    for (int i = 0; i < count; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, i, &symbol) == nullptr || symbol.st_shndx == SHN_UNDEF) continue;
      const int type = GELF_ST_TYPE(symbol.st_info);
      if (type != STT_OBJECT && type != STT_FUNC) continue;
      const char* text = elf_strptr(elf, header.sh_link, symbol.st_name);
      if (text == nullptr || *text == 0) continue;
      const std::uint64_t length = std::max<std::uint64_t>(symbol.st_size, 1);
      std::string name = text;
      // A compiler's suffix on a static variable ("Count.0", "Name.lto_priv.1") is not the
      // author's.
      if (const auto dot = name.find('.'); dot != std::string::npos && dot > 0) name.resize(dot);
      names.push_back({symbol.st_value, symbol.st_value + length, std::move(name)});
    }
  }
  std::sort(names.begin(), names.end(),
            [](const named_range& a, const named_range& b) { return a.begin < b.begin; });
}

void symbols::state::read_units() {
  Dwarf_CU* unit = nullptr;
  Dwarf_CU* next = nullptr;
  Dwarf_Half version;
  std::uint8_t kind;
  Dwarf_Die die;
  Dwarf_Die sub;
  while (dwarf_get_units(dwarf, unit, &next, &version, &kind, &die, &sub) == 0) {
    if (kind == DW_UT_compile || kind == DW_UT_skeleton) units.push_back(die);
    unit = next;
  }
}

std::string symbols::state::function_at(std::uint64_t offset) const {
  auto after =
      std::upper_bound(names.begin(), names.end(), offset,
                       [](std::uint64_t at, const named_range& n) { return at < n.begin; });
  while (after != names.begin()) {
    --after;
    if (offset < after->end) return after->name;
    if (offset - after->begin > 0x100000) break;
  }
  return {};
}

namespace {

// Clang gives line 0 to code that belongs to no single line: the last line before it is the best
// word.
void before_line_zero(Dwarf_Die& unit, std::uint64_t pc, source_location& at) {
  Dwarf_Lines* lines = nullptr;
  std::size_t count = 0;
  if (dwarf_getsrclines(&unit, &lines, &count) != 0) return;
  Dwarf_Addr best = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Dwarf_Line* const each = dwarf_onesrcline(lines, i);
    Dwarf_Addr address = 0;
    int number = 0;
    dwarf_lineaddr(each, &address);
    dwarf_lineno(each, &number);
    if (number == 0 || address > pc || address < best) continue;
    best = address;
    at.line = number;
    dwarf_linecol(each, &at.column);
  }
}

}  // namespace

std::vector<stack_frame> symbols::state::look_up(std::uint64_t pc) {
  for (Dwarf_Die& unit : units) {
    if (dwarf_haspc(&unit, pc) <= 0) continue;
    source_location at;
    if (Dwarf_Line* line = dwarf_getsrc_die(&unit, pc)) {
      if (const char* file = dwarf_linesrc(line, nullptr, nullptr)) at.file = file;
      dwarf_lineno(line, &at.line);
      dwarf_linecol(line, &at.column);
      if (at.line == 0) before_line_zero(unit, pc, at);
    }
    std::vector<Dwarf_Die> chain;
    descend(&unit, pc, chain);
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    dwarf_getsrcfiles(&unit, &files, &count);

    std::vector<stack_frame> result;
    for (auto die = chain.rbegin(); die != chain.rend(); ++die) {
      at.function = name_of_die(&*die);
      result.push_back({at, pc});
      if (dwarf_tag(&*die) != DW_TAG_inlined_subroutine) break;
      at = {};
      const int index = number_of(&*die, DW_AT_call_file);
      if (files != nullptr && index >= 0 && static_cast<std::size_t>(index) < count) {
        if (const char* file = dwarf_filesrc(files, index, nullptr, nullptr)) at.file = file;
      }
      at.line = number_of(&*die, DW_AT_call_line);
      at.column = number_of(&*die, DW_AT_call_column);
    }
    if (result.empty()) {
      at.function = function_at(pc);
      result.push_back({at, pc});
    }
    return result;
  }
  source_location at;
  at.function = function_at(pc);
  return {{at, pc}};
}

symbols::symbols(std::unique_ptr<state> s) : state_(std::move(s)) {}
symbols::symbols(symbols&&) noexcept = default;
symbols& symbols::operator=(symbols&&) noexcept = default;
symbols::~symbols() = default;

tl::expected<symbols, std::string> symbols::open(const std::string& path, std::uint64_t load_bias) {
  auto s = std::make_unique<state>();
  s->bias = load_bias;
  s->file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (s->file < 0) return tl::unexpected(path + ": cannot be opened for its debug information");
  elf_version(EV_CURRENT);
  s->elf = elf_begin(s->file, ELF_C_READ_MMAP, nullptr);
  if (s->elf == nullptr || elf_kind(s->elf) != ELF_K_ELF) {
    return tl::unexpected(path + ": is no ELF file");
  }
  s->read_size();
  s->read_names();
  s->dwarf = dwarf_begin_elf(s->elf, DWARF_C_READ, nullptr);
  if (s->dwarf != nullptr) s->read_units();  // without debug information, names only
  return symbols(std::move(s));
}

bool symbols::contains(std::uint64_t address) const {
  return address >= state_->bias && address - state_->bias < state_->size;
}

std::vector<stack_frame> symbols::frames(std::uint64_t return_address) const {
  if (!contains(return_address) || return_address == state_->bias) return {stack_frame{}};
  return state_->remembered(return_address - state_->bias - 1);
}

std::vector<stack_frame> symbols::stack(const std::vector<std::uint64_t>& return_addresses) const {
  std::vector<stack_frame> result;
  for (const std::uint64_t address : return_addresses) {
    if (!contains(address)) continue;
    const auto of = frames(address);
    result.insert(result.end(), of.begin(), of.end());
  }
  return result;
}

source_location symbols::where(std::uint64_t return_address) const {
  const bool routine =
      contains(return_address) && state_->begins_function(return_address - state_->bias);
  const auto all =
      routine ? state_->remembered(return_address - state_->bias) : frames(return_address);
  const auto authors = std::find_if(all.begin(), all.end(),
                                    [](const stack_frame& f) { return !of_our_headers(f.where); });
  return (authors == all.end() ? all.front() : *authors).where;
}

bool of_our_headers(const source_location& where) {
  static const std::string folder = installed("include/windows");
  return !folder.empty() && where.file.compare(0, folder.size(), folder) == 0;
}

std::string symbols::name_of(std::uint64_t address) const {
  if (!contains(address)) return {};
  const std::uint64_t offset = address - state_->bias;
  const auto& names = state_->names;
  auto after =
      std::upper_bound(names.begin(), names.end(), offset,
                       [](std::uint64_t at, const named_range& n) { return at < n.begin; });
  if (after == names.begin()) return {};
  --after;
  if (offset >= after->end) return {};
  if (offset == after->begin) return after->name;
  char text[32];
  std::snprintf(text, sizeof text, "+0x%llx",
                static_cast<unsigned long long>(offset - after->begin));
  return after->name + text;
}

}  // namespace belay::inline BELAY_BUILD::guest
