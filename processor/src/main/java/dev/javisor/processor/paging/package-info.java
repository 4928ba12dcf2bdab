/** Paging: from linear to guest-physical addresses, and the rights on the way. */
package dev.javisor.processor.paging;
