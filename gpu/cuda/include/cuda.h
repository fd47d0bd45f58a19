/* The interface of the CUDA driver, as far as gorgonia.org/cu v0.9.6 and quern use it: facts of the interface
 * (names, values, layouts), written for quern, so that a build needs no CUDA toolkit. It declares the stable
 * calls of CUDA 11 and 12, which newer drivers keep. cu reaches malloc, free and uintptr_t through this header. */
#ifndef QUERN_CUDA_H
#define QUERN_CUDA_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define CUDA_VERSION 12040

#ifdef __cplusplus
extern "C" {
#endif

#include "cuda_calls.h"

#ifdef __cplusplus
}
#endif

#endif
