/** Saved machines that go on in another process. */
package dev.javisor.conformance.restore;
