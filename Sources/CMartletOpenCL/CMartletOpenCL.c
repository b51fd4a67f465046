#include "CMartletOpenCL.h"
