/* Compiles only if the C interface is C. */
#include "tk/CAPI/tk.h"

size_t tkTestSizeOfOptions(void) {
  tkLaunchOptions options = {sizeof(options), 0, 0, 0, NULL};
  return options.structSize;
}
