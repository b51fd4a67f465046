#ifndef CMartletImage_H
#define CMartletImage_H
#endif
