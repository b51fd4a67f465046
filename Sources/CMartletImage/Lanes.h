#ifndef MARTLET_IMAGE_LANES_H
#define MARTLET_IMAGE_LANES_H

// Functions so marked are compiled for several instruction sets; the loader picks one. What they call must be inlined into each.
#if defined(__x86_64__)
#define MARTLET_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MARTLET_CLONES
#endif
#define MARTLET_INLINE static inline __attribute__((always_inline))

#endif
