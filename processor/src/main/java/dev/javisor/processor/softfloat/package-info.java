/** Floating-point arithmetic in integers, exact to the last flag, for every format, rounding mode and mask. Depends on nothing. */
package dev.javisor.processor.softfloat;
