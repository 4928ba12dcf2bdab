/** What devices ask of the machine as a whole. */
package dev.javisor.machine.bus;
