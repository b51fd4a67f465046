#ifndef CMARTLETOPENCL_PROBE_H
#define CMARTLETOPENCL_PROBE_H

/// Builds a kernel for a processor's PoCL, which so loads its library of functions, a second's work.
void mclWarmPoCL(void);

#endif
