#ifndef CMartletCPU_H
#define CMartletCPU_H
#endif
