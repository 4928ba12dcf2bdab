/** What every comparison and every random run needs. */
package dev.javisor.conformance;
