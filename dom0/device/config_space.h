/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's PCI configuration space: memory where the firmware says that it is (PCI Express
 * Base Specification, "PCI Express Enhanced Configuration Access Mechanism"), else the ports 0xCF8
 * and 0xCFC (PCI Local Bus Specification 3.0, "Software Generation of Configuration Transactions").
 */
#ifndef DOM0_DEVICE_CONFIG_SPACE_H
#define DOM0_DEVICE_CONFIG_SPACE_H

#include <drivers/pci/pci.h>

/* Finds out what there is; rsdp 0: no tables. */
struct pci_config *config_space_init(u64 rsdp);
/* The i-th range of buses to look at, in order of segment. false: no more. */
must_use bool config_space_range(unsigned int i, struct pci_range *r);

#endif
