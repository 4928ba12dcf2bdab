/** What a guest sees of its events: small guests, each with what the architecture promises it. */
package dev.javisor.conformance.event;
