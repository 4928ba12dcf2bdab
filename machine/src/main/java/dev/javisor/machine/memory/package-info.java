/** The machine's RAM and the map that tells a guest where it is. */
package dev.javisor.machine.memory;
