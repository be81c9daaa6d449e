/* resident.h - the library's code stays where it is. */
#ifndef WEIR_RESIDENT_H
#define WEIR_RESIDENT_H

/* From now on dlclose() unloads neither this library nor the plug-in that it is linked into: threads still
 * end in its code, and memory of closed handles is used again. Without effect in a program itself. */
void weir_resident_stay(void);

#endif
