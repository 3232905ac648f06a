/*===- tk.h - The plain C interface of tk -------------------------*- C -*-===*\
|*                                                                            *|
|* Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.*|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
|*===----------------------------------------------------------------------===*|
|*                                                                            *|
|* Compile, load and launch kernels from any language that can call C. Every  *|
|* function that can fail returns 0 for success and 1 for failure; then       *|
|* `tkGetLastError` says what went wrong (per thread). Handles are opaque and *|
|* are freed by their own function; strings belong to the handle they came    *|
|* from. One thread at a time may use a handle, but for tkDeviceCancel.       *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#ifndef TK_CAPI_TK_H
#define TK_CAPI_TK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What went wrong in this thread's last failed call. */
const char *tkGetLastError(void);
/** The version of the kernel package format that this library reads and writes. */
int64_t tkGetPackageFormatVersion(void);

/*===----------------------------------------------------------------------===*\
|* Element types
\*===----------------------------------------------------------------------===*/

/** One of the values below; an int, so that a value no one knows is an error and not undefined. */
typedef int32_t tkElementType;
enum {
  TK_F64 = 0,
  TK_F32 = 1,
  TK_TF32 = 2,
  TK_F16 = 3,
  TK_BF16 = 4,
  TK_E4M3 = 5,
  TK_E5M2 = 6,
  TK_I64 = 7,
  TK_I32 = 8,
  TK_I16 = 9,
  TK_I8 = 10,
  TK_U64 = 11,
  TK_U32 = 12,
  TK_U16 = 13,
  TK_U8 = 14,
  TK_I1 = 15
};

/** "bf16", "f32", "f8E4M3FN", ...; NULL for no such type. */
const char *tkElementTypeGetName(tkElementType type);
/** The type of that name, or -1. */
int tkElementTypeParse(const char *name);
/** Bytes of one element in memory; 0 for no such type. */
size_t tkElementTypeGetBytes(tkElementType type);

/*===----------------------------------------------------------------------===*\
|* Packages
\*===----------------------------------------------------------------------===*/

typedef struct tkPackageOpaque *tkPackage;

/** Compiles MLIR source. `optionsJson` is NULL or an object with any of
      "aliases": {"in": "f16"}   new definitions of the source's type aliases,
      "assemble": true           whether to make a cubin,
      "certify": true            whether to prove bank conflicts,
      "disable": ["tk-persist"]  optional passes to leave out,
      "tuning": "stages = 3"     decisions taken out of the passes' hands (#tk.tuning),
      "ptxas": "/path/to/ptxas"  instead of searching for it.
    `diagnostics`, if not NULL, receives all messages with their source lines, to be freed with tkStringFree. */
int tkCompile(const char *source, size_t length, const char *fileName, const char *optionsJson, tkPackage *package,
              char **diagnostics);
void tkStringFree(char *text);

/** Reads the text of a .tkpkg file; `fileName` is for messages. */
int tkPackageParse(const char *text, size_t length, const char *fileName, tkPackage *package);
void tkPackageFree(tkPackage package);
/** The text of the .tkpkg file; `length` may be NULL. */
const char *tkPackageGetText(tkPackage package, size_t *length);
const char *tkPackageGetPtx(tkPackage package);
size_t tkPackageGetNumKernels(tkPackage package);
/** NULL when `kernel` is out of range. */
const char *tkPackageGetKernelName(tkPackage package, size_t kernel);
/** The index of a kernel, or -1. */
int64_t tkPackageFindKernel(tkPackage package, const char *name);
size_t tkKernelGetNumArguments(tkPackage package, size_t kernel);

#define TK_MAX_RANK 5
/** A size or stride that only the launch knows. */
#define TK_DYNAMIC INT64_MIN

typedef struct tkArgument {
  const char *name;
  int isView; /**< Else a scalar. */
  tkElementType elementType;
  int rank;
  int64_t sizes[TK_MAX_RANK], strides[TK_MAX_RANK]; /**< Or TK_DYNAMIC. Strides in elements. */
  const char *symbols[TK_MAX_RANK];                 /**< "M", or "". */
  int64_t align;                                    /**< Of the base address, in bytes. */
  int read, written;
  int numColumns; /**< Of a list of problems (isView is 0); 0: no list. */
} tkArgument;

int tkKernelGetArgument(tkPackage package, size_t kernel, size_t index, tkArgument *argument);
/** A column of an argument that is a list of problems: a view. */
int tkKernelGetColumn(tkPackage package, size_t kernel, size_t index, size_t column, tkArgument *argument);

/*===----------------------------------------------------------------------===*\
|* Devices and launches
\*===----------------------------------------------------------------------===*/

typedef struct tkDeviceOpaque *tkDevice;

/** "sim", "cuda", or "auto": a Hopper GPU if there is one, else the simulator. */
int tkDeviceCreate(const char *kind, tkDevice *device);
void tkDeviceFree(tkDevice device);
const char *tkDeviceGetKind(tkDevice device);
const char *tkDeviceGetDescription(tkDevice device);
/** Why "auto" took no GPU; "" if it did. */
const char *tkDeviceGetNote(tkDevice device);

typedef int32_t tkValueKind;
enum {
  TK_INPUT = 0,     /**< Host memory that the kernel reads. */
  TK_OUTPUT = 1,    /**< Host memory that the kernel's result goes to. */
  TK_INOUT = 2,     /**< Both. */
  TK_ON_DEVICE = 3, /**< `data` is the device's address: neither copied there nor back. */
  TK_INTEGER = 4,   /**< A scalar. */
  TK_REAL = 5,      /**< A scalar. */
  TK_LIST = 6       /**< A list of problems: `data` points to `integer` tkRow. */
};

/** One argument of a launch, found by its name. */
typedef struct tkValue {
  const char *name;
  tkValueKind kind;
  void *data; /**< Arrays: the first element. */
  tkElementType elementType;
  int rank;
  const int64_t *sizes;
  const int64_t *strides; /**< In elements, not negative; NULL: dense row-major. */
  int64_t integer;
  double real;
} tkValue;

/** One problem of a list: a value for each column, found by its name. */
typedef struct tkRow {
  const tkValue *values;
  size_t numValues;
} tkRow;

typedef struct tkLaunchOptions {
  size_t structSize;   /**< sizeof(tkLaunchOptions), so that fields can be added. */
  uint64_t seed;       /**< Simulator: the order of schedules and completions. */
  uint64_t maxSteps;   /**< Simulator: a bound on warp instructions; 0: none. */
  uint32_t repeat;     /**< GPU: timed launches; 0: none. */
  const char *variant; /**< The entry of the only variant to take; NULL: the first that fits. */
} tkLaunchOptions;

typedef struct tkResultOpaque *tkResult;

/** Launches once and waits. Findings of the simulator are in the result and are no failure: see tkResultGetNumErrors.
    `options` may be NULL. */
int tkLaunch(tkDevice device, tkPackage package, size_t kernel, const tkValue *values, size_t numValues,
             const tkLaunchOptions *options, tkResult *result);
void tkResultFree(tkResult result);
/** Ends the launch that is under way on the simulator, or the next one: that tkLaunch fails. May be called from another
    thread, or from a signal's handler; the device must be there until it returns. A GPU runs to its end. */
void tkDeviceCancel(tkDevice device);
/** Findings of severity error. */
size_t tkResultGetNumErrors(tkResult result);
/** Launch, findings, bank conflicts, counters and times as one JSON object. */
const char *tkResultGetReport(tkResult result);

/*===----------------------------------------------------------------------===*\
|* The simulator, for any PTX
\*===----------------------------------------------------------------------===*/

typedef struct tkSimProgramOpaque *tkSimProgram;
typedef struct tkSimReportOpaque *tkSimReport;

/** Reads PTX text; `fileName` is for messages. What the simulator does not know is an error with line and column. */
int tkSimParse(const char *ptx, size_t length, const char *fileName, tkSimProgram *program);
void tkSimProgramFree(tkSimProgram program);
/** A launch file to fill in, as `tk-sim --skeleton` prints it. */
const char *tkSimGetSkeleton(tkSimProgram program);
/** Runs the launches of a launch file (docs/tk-sim.md), given as text. Relative paths in it are relative to `folder`; NULL:
    to the current one. `optionsJson` is NULL or an object with options of tk-sim by their names, without dashes:
      {"seeds": "0..7", "max-steps": 1000000, "check": "memory,race", "grade": ["TK-SIM-RACE-SCOPE=off"], "report": "html"}
    "report" is needed only where tkSimReportGet will be asked for "html". Findings are no failure. */
int tkSimRun(tkSimProgram program, const char *launch, size_t length, const char *folder, const char *optionsJson,
             tkSimReport *report);
/** Ends the run that is under way, or the next one, which then fails; as tkDeviceCancel. */
void tkSimCancel(tkSimProgram program);
void tkSimReportFree(tkSimReport report);
/** Findings of severity error. */
size_t tkSimReportGetNumErrors(tkSimReport report);
/** The report as "text", "json" or "html"; NULL for another kind, or "html" without that option. */
const char *tkSimReportGet(tkSimReport report, const char *kind);

#ifdef __cplusplus
}
#endif

#endif /* TK_CAPI_TK_H */
