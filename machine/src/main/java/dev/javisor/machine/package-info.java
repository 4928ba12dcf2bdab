/** A PC: memory, processors and devices put together, and run. */
package dev.javisor.machine;
