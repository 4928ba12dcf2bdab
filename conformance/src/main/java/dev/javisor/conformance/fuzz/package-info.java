/**
 * Machines that are given nonsense: random code in random modes, random accesses to devices, damaged images, random command lines. Whatever
 * happens has to be architecture, the same every time, on every engine, and behind a restored state.
 */
package dev.javisor.conformance.fuzz;
