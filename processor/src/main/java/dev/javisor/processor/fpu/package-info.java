/** The x87 floating-point unit. */
package dev.javisor.processor.fpu;
