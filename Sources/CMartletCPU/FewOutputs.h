#ifndef MARTLET_FEW_OUTPUTS_H
#define MARTLET_FEW_OUTPUTS_H

#include "include/Convolution.h"

// The weight gradient where there are few output channels: arguments as of martlet_weight_gradient, `partial` being 0.
int martlet_few_outputs_fit(const martlet_grid *g);
int64_t martlet_few_outputs_scratch(const martlet_grid *g, int64_t k_count);
void martlet_few_outputs(const martlet_grid *g, const float *source, const float *gradient, float *partial, int64_t group,
                         int64_t k_begin, int64_t k_end, int64_t image_begin, int64_t image_end, float *scratch);

#endif
