/* What shim.c tells about the driver. */
#ifndef QUERN_SHIM_H
#define QUERN_SHIM_H

#include "cuda.h"

/* How the search for a driver ended. */
enum quern_cuda_state {
	QUERN_CUDA_LIVE,       /* the slots lead to the driver */
	QUERN_CUDA_OFF,        /* QUERN_GPU=0: nothing was looked for */
	QUERN_CUDA_NO_LIBRARY, /* loading says why */
	QUERN_CUDA_REFUSED,    /* code says why */
};

struct quern_cuda {
	enum quern_cuda_state state;
	CUresult code;     /* of the driver's cuInit */
	char path[512];    /* of the library; "" if there is none */
	char loading[256]; /* what the dynamic linker said, if it found none */
};

/* quern_cuda_start looks for a driver when it is first called. It returns what came of it, which is never freed.
 * Any thread may call it. */
const struct quern_cuda *quern_cuda_start(void);

#endif
