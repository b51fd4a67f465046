#ifndef CMARTLETIMAGE_H
#define CMARTLETIMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "Color.h"
#include "Picture.h"
#include "Planes.h"
#include "Resize.h"

#endif
