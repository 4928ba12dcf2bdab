/** Engines: decoded blocks, the code cache, the interpreter's loop. */
package dev.javisor.processor.execution;
