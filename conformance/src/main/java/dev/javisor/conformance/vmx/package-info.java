/** VM entries: a small host with valid control structures, to be broken on purpose or at random. */
package dev.javisor.conformance.vmx;
