/** The host's processor as oracle: random instructions run natively and in Javisor, and everything that software can see is compared. */
package dev.javisor.conformance.host;
