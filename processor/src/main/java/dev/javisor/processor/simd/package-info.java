/** MMX and the Streaming SIMD Extensions. */
package dev.javisor.processor.simd;
