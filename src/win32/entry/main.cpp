// Where a natively built program begins: the process is made, then the program's own main runs.
//
// The program is linked with --wrap=main, so that the C library's start-up finds this main instead
// of the program's; a program that has a wmain only is linked the same way.
#include "win32/crt.hpp"
#include "win32/process.hpp"

extern "C" {
__attribute__((weak)) int __real_main(int, char**, char**);
__attribute__((weak)) int wmain(int, wchar_t**, wchar_t**);
__attribute__((weak)) int belay_wmain_1(int, wchar_t**, wchar_t**) __asm__("_Z5wmainiPPw");
__attribute__((weak)) int belay_wmain_2(int, wchar_t**, wchar_t**) __asm__("_Z5wmainjPPw");
__attribute__((weak)) int belay_wmain_3(int, wchar_t**, wchar_t**) __asm__("_Z5wmainiPPwS0_");
__attribute__((weak)) int belay_wmain_4(int, wchar_t**, wchar_t**) __asm__("_Z5wmainiPPKw");
__attribute__((weak)) int belay_wmain_5(int, wchar_t**, wchar_t**) __asm__("_Z5wmainv");
}

namespace {

struct start {
  belay::win32::program what;
  int count;
  char** arguments;
};

belay::win32::program the_program() {
  belay::win32::program found;
  found.narrow = &__real_main;
  if (found.narrow != nullptr) return found;
  for (auto* const each :
       {&wmain, &belay_wmain_1, &belay_wmain_2, &belay_wmain_3, &belay_wmain_4, &belay_wmain_5}) {
    if (each != nullptr && found.wide == nullptr) found.wide = each;
  }
  return found;
}

int run(void* context) {
  const auto& what = *static_cast<const start*>(context);
  return belay::win32::run_main(what.what, what.count, what.arguments);
}

}  // namespace

extern "C" int __wrap_main(int count, char** arguments) {
  start what{the_program(), count, arguments};
  belay::win32::start();
  const std::uint32_t code = belay::win32::run_program(&run, &what);
  belay::win32::stop();
  return static_cast<int>(code);
}
