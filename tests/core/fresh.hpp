// The state of an explored program, made anew for each execution and never destroyed: an execution
// may be abandoned anywhere, for instance while a routine runs, when its operation must not go.
#pragma once

#include <new>
#include <utility>

namespace explored_tests {

template <class T>
class fresh {
 public:
  template <class... Arguments>
  T& make(Arguments&&... arguments) {
    at_ = new (memory_) T(std::forward<Arguments>(arguments)...);
    return *at_;
  }
  T* operator->() const { return at_; }
  T& operator*() const { return *at_; }

 private:
  alignas(T) unsigned char memory_[sizeof(T)];
  T* at_ = nullptr;
};

}  // namespace explored_tests
