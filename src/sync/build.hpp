// Which of the two builds this translation unit belongs to.
//
// Every declaration of sync, core, kernel and wdm lives in `namespace belay::inline BELAY_BUILD`,
// so an object of one build never links with an object of the other.
#pragma once

#if defined(BELAY_EXPLORED)
#define BELAY_BUILD explored
#else
#define BELAY_BUILD native
#endif
