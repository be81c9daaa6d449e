/* host.h - how the sink comes to a handle: see there. */
#include "../writer/attach/host.h"
