/** User-mode integer instructions. One class for each group; the arithmetic groups have one class for each operand size. */
package dev.javisor.processor.integer;
