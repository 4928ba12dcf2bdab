/** Segmentation: descriptors, segment-register loads, far transfers, task switches, fast system calls. */
package dev.javisor.processor.segment;
