// Linked into every program of a sanitized build.
//
// LLVM's allocators, inlined into our instrumented code, poison what they hand back; the same allocators in
// Debian's archives, which are not instrumented, do not unpoison it. So that kind of poisoning is off.
const char *__asan_default_options(void) { return "allow_user_poisoning=0"; }
const char *__ubsan_default_options(void) { return "print_stacktrace=1"; }
