// The native build of the interface in sync/sync.hpp: threads, futexes and real time.
#pragma once

#include "sync/native/actors.hpp"
#include "sync/native/alarm.hpp"
#include "sync/native/atomic.hpp"
#include "sync/native/brief_lock.hpp"
#include "sync/native/fences.hpp"
#include "sync/native/locks.hpp"
#include "sync/native/memory.hpp"
#include "sync/native/parking.hpp"
#include "sync/native/points.hpp"
#include "sync/native/time.hpp"
