// A driver for the tests of the user side, without Windows types: "\\.\Probe".
//
// A read is pending until complete_oldest() or its cancel. A write is answered at once. A control
// request is answered as set_answer() says, with "ghi" of its three bytes of output. A create is
// pending while pend_creates() says so, shared as IoCheckShareAccess has it while share_creates()
// does, and else answered as set_create_answer() says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace belay::test::probe {

/// Starts wdm and win32, and loads the driver.
void start();
/// The reverse. The test has closed its handles.
void stop();

struct answer {
  std::int32_t returned = 0;  ///< by the dispatch routine
  std::int32_t status = 0;    ///< IoStatus.Status
  bool pending = false;       ///< marked pending
};
void set_answer(const answer& what);
void pend_creates(bool on);
void share_creates(bool on);
void set_create_answer(std::int32_t status, std::uint64_t information);
/// What the last create asked for.
struct create_asked {
  std::uint32_t access = 0;
  std::uint32_t share = 0;
  std::uint32_t disposition = 0;
  std::uint32_t options = 0;
  std::uint32_t attributes = 0;
  std::uint32_t file_flags = 0;
  std::u16string name;
};
const create_asked& last_create();
/// The next cancel of a read is not heard: its cancel routine is armed too late (WDM-CANCEL-013).
void arm_late(bool on);

/// Completes the read, or the create, that waits longest. Returns: false if there was none.
bool complete_oldest(std::int32_t status, std::uint64_t information = 0);
int pending();
int cancels();
/// The major codes that came, in order.
const std::vector<int>& seen();

/// A control code of the driver's, by its method (0 to 3) and the access that it asks for (0 to 3).
constexpr std::uint32_t code(std::uint32_t method, std::uint32_t access = 0) {
  return 0x22u << 16 | access << 14 | 0x800u << 2 | method;
}

}  // namespace belay::test::probe
