/* resident.h - keep the library's code in memory. */
#ifndef WEIR_RESIDENT_H
#define WEIR_RESIDENT_H

/* From now on dlclose() unloads neither this library nor the plug-in that it is linked into: the
 * end of a thread still runs its code, and the memory of closed handles is used again. No effect
 * when it is linked into the program itself. */
void weir_resident_stay(void);

#endif
