#define _GNU_SOURCE
#include "Processor.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

int martlet_asks_for_reads = 1;

__attribute__((constructor)) static void know_processor(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    martlet_asks_for_reads = !__builtin_cpu_is("amd");
#endif
}

int martlet_processor_count(void) {
    int capacity = 1024;
    while (capacity <= 1 << 20) {
        cpu_set_t *set = CPU_ALLOC(capacity);
        if (!set) break;
        size_t size = CPU_ALLOC_SIZE(capacity);
        int failed = sched_getaffinity(0, size, set);
        int count = failed ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (!failed) return count < 1 ? 1 : count;
        capacity *= 4;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : (int)online;
}

const char *martlet_instruction_set(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
    if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
    return "x86-64";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "portable";
#endif
}

const char *martlet_safe_blas_core(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v3")) return "Haswell";
    if (__builtin_cpu_supports("x86-64-v2")) return "Nehalem";
    return "Prescott";
#else
    return "ARMV8";
#endif
}
