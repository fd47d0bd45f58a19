// driver.h: objects of the fake driver, shared by driver.c and stream.c.
#ifndef QUERN_DRIVER_H
#define QUERN_DRIVER_H
#include "fake.h"

// context is the primary context of a device; every object names the one it
// was made in.
typedef struct {
	int retained;
	CUresult dead; // the sticky error that killed it, or 0
} context;
extern context contexts[16];

enum { MAGIC_STREAM = 0x51530001, MAGIC_EVENT, MAGIC_MODULE, MAGIC_FUNCTION, MAGIC_GONE };

typedef struct module module;
typedef struct function { uint32_t magic; module *m; const q_kernel *kernel; struct function *next; } function;
struct module { uint32_t magic; int device; const q_module *code; uint64_t *globals; function *functions; module *next; };

typedef struct event {
	uint32_t magic;
	int device;
	uint64_t asked, done; // records so far, enqueued and carried out
	double at;
	struct event *next;
} event;

enum { OP_UPLOAD, OP_DOWNLOAD, OP_COPY, OP_FILL, OP_LAUNCH, OP_RECORD, OP_WAIT };
typedef struct op {
	int kind;
	CUdeviceptr dst, src;
	uint8_t *host;
	uint64_t size, sum; // sum: of the source of an upload when it was enqueued
	uint32_t pattern, width;
	event *e;
	uint64_t record;
	launch l;
	uint8_t *params;
	struct op *next;
} op;

typedef struct stream {
	uint32_t magic;
	int device;
	op *first, *last;
	struct stream *next;
} stream;

// Every call begins with enter and ends with leave. enter takes the lock and
// returns the error to answer with: an injected one, that of a dead device, or
// of a missing context. need: the call needs a current context.
CUresult enter(int kind, int need);
CUresult leave(CUresult r);
int current(void); // the device of the current context, -1: none
void drain(int device);              // carries out everything, device -1: of all
void kill_context(int device, CUresult code);
void forget_streams(int device, int leak);
double clock_ms(void);
#endif
