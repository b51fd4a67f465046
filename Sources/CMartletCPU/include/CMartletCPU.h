#ifndef CMARTLETCPU_H
#define CMARTLETCPU_H

// One header a family of functions. Every function is plain C over pointers and sizes; shapes were checked before.
#include "Attention.h"
#include "Convolution.h"
#include "Softmax.h"
#include "Pooling.h"
#include "Normalization.h"
#include "Indexing.h"
#include "Matmul.h"
#include "Pointwise.h"
#include "Pool.h"
#include "Random.h"
#include "Recurrence.h"
#include "Reduction.h"
#include "Region.h"
#include "Processor.h"
#include "Peak.h"
#include "Winograd.h"

#endif
