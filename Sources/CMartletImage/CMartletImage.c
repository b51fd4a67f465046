#include "CMartletImage.h"
