/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of the protocol, and what one unprivileged domain may use of the server. */
#ifndef DOM0_XENSTORE_XS_LIMITS_H
#define DOM0_XENSTORE_XS_LIMITS_H

/* Given by the protocol (bytes, without a final NUL). */
#define XS_PAYLOAD_MAX  4096u
#define XS_ABS_PATH_MAX 3072u
#define XS_REL_PATH_MAX 2048u
/* An event carries path and token, each with its NUL. */
#define XS_TOKEN_MAX (XS_PAYLOAD_MAX - XS_ABS_PATH_MAX - 2u)
/* Room for every absolute path and its NUL. */
#define XS_PATH_SIZE (XS_ABS_PATH_MAX + 1u)

/* Ours, for each domain but the control domain. */
#define XS_QUOTA_NODES        1000u /* nodes owned */
#define XS_QUOTA_NODE_BYTES   2048u /* name, value and permissions of one node */
#define XS_QUOTA_PERMS        5u    /* permissions of one node */
#define XS_QUOTA_WATCHES      128u
#define XS_QUOTA_TRANSACTIONS 10u             /* open at a time */
#define XS_QUOTA_TX_NODES     2048u           /* path elements one transaction remembers */
#define XS_QUOTA_WORK_BYTES   (1024u * 1024u) /* memory of watches and open transactions */
#define XS_QUOTA_EVENTS       256u            /* watch events that wait for room in the ring */
#define XS_QUOTA_EVENT_BYTES  (64u * 1024u)

/* The control domain's own queue. */
#define XS_LOCAL_EVENTS      4096u
#define XS_LOCAL_EVENT_BYTES (1024u * 1024u)

/* Work done in one call. */
#define XS_SERVICE_REQUESTS 32u
#define XS_DISPATCH_EVENTS  64u

#endif
