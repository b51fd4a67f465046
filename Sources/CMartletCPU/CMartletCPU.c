#include "CMartletCPU.h"
