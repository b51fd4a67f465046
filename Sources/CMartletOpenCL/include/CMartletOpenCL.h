#ifndef CMartletOpenCL_H
#define CMartletOpenCL_H
#endif
