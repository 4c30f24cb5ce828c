// Runs the IRP-cancel model (irp_model.h) on the explorer.
#pragma once

#include <cstdint>

#include "explore/execution.hpp"
#include "irp_model.h"
#include "sync/sync.hpp"

class irp_model final : public belay::explore::program {
 public:
  explicit irp_model(const model& which);
  void start() override;
  void finish() override;

 private:
  const model& model_;
};
