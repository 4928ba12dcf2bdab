/** From decoded blocks of one page to Java bytecode. Knows nothing of when this is worth it, or of how code is found. */
package dev.javisor.processor.compiler;
