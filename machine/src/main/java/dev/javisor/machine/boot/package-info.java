/** Boot protocols: how a kernel or firmware image gets into memory, and in which state its first instruction finds the processor. */
package dev.javisor.machine.boot;
