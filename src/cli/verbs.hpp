// The verbs of `belay`, one file each. Each takes what stands after its name and returns the exit
// code.
#pragma once

namespace belay::cli {

int cc(int count, char** arguments);
int check(int count, char** arguments);
int replay(int count, char** arguments);
int run_driver(int count, char** arguments);
int explain(int count, char** arguments);
int list(int count, char** arguments);
int doctor(int count, char** arguments);
int version(int count, char** arguments);

}  // namespace belay::cli
