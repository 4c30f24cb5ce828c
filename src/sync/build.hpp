// Which build this translation unit belongs to.
//
// Every declaration of sync, core, kernel and wdm lives in `namespace belay::inline BELAY_BUILD`,
// so an object of one build never links with an object of another. Under ThreadSanitizer the native
// build has a name of its own: a program that is instrumented needs a library that is, or the
// sanitizer would not see what orders the program's data.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define BELAY_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BELAY_UNDER_TSAN 1
#endif
#endif

#if defined(BELAY_EXPLORED)
#define BELAY_BUILD explored
#elif defined(BELAY_UNDER_TSAN)
#define BELAY_BUILD native_tsan
#else
#define BELAY_BUILD native
#endif
