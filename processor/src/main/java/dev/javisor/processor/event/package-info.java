/** How events reach their handlers: priority at instruction boundaries, delivery through the IDT, return from interrupt, reset, SMM. */
package dev.javisor.processor.event;
