/** Experiments with the hypervisor: what its policies do to guests, seen by the guests. */
package dev.javisor.cli.experiment;
