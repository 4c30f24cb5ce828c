// Uses the shared library, and knows nothing of the core.
extern "C" int cancel_once();

int main() { return cancel_once() == 1 ? 0 : 1; }
